"""Targets of redirects that look like paths of this server and lead browsers, proxies or careless code elsewhere."""

FAR = "evil.test"
TRICKS = (
    # Other addresses as they are, and the forms that browsers complete.
    f"https://{FAR}", f"//{FAR}", f"///{FAR}", f"////{FAR}/..", f"https:{FAR}", f"https:/{FAR}", f"//{FAR}/%2f..", FAR, f"@{FAR}",
    f".{FAR}", f"//homeport.test@{FAR}", f"https://homeport.test@{FAR}", f"//{FAR}:80#@homeport.test", f"//{FAR}?homeport.test",
    # A backslash is a slash for browsers.
    f"/\\{FAR}", f"\\\\{FAR}", f"\\/{FAR}", f"/\\/{FAR}", f"//\\{FAR}", f"/a\\..\\\\{FAR}",
    # Browsers drop tabs and line ends, and white space at the ends.
    f"/\t/{FAR}", f"/\n/{FAR}", f"\t//{FAR}", f"/\r\n/{FAR}", f" //{FAR}", f"/\x00/{FAR}", f"/\x0b/{FAR}", f"/\x7f/{FAR}",
    f"/\u2028/{FAR}", f"/\u200b/{FAR}", f"/\ufeff/{FAR}",
    # Another header in the answer.
    f"/\r\nLocation: https://{FAR}", f"/%0d%0aLocation:%20https://{FAR}", f"/%0aSet-Cookie:a=b//{FAR}", f"/%E5%98%8D%00{FAR}",
    # What is decoded once more on the way.
    f"/%2f{FAR}", f"/%2f%2f{FAR}", f"/%5c{FAR}", f"/%252f%252f{FAR}", f"/%255c{FAR}", f"/%09/{FAR}", f"/%2e%2e//{FAR}",
    # What dots leave over.
    f"/.//{FAR}", f"/..//{FAR}", f"/a/..//{FAR}", f"/./\\{FAR}",
    # Letters that become a slash when somebody normalizes.
    f"/\uff0f{FAR}", f"\uff0f\uff0f{FAR}", f"/\uff3c{FAR}", f"/\ufe68{FAR}", f"/%ef%bc%8f{FAR}",
    # Other schemes.
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "\x01javascript:alert(1)", "java\tscript:alert(1)", "data:text/html,x",
    "vbscript:x", "file:///etc/passwd", "mailto:a@b", "blob:x", "/javascript:alert(1)//\n", f"ws://{FAR}", "about:blank",
    # Nothing at all.
    "", "?", "#", "..", ".", "%2f", "a", "/" * 9000,
)  # fmt: skip
PATHS = (
    "/", "/workspaces", "/workspaces?q=a//b&redirect=https://x.test#part", "/@ada/dev/builds/1", "/a%20b", "/a:b", "/\u00fc",
    "/oauth2/authorize?redirect_uri=https%3A%2F%2Fclient.test%2Fcb&state=%0A%2f%2f",
)  # fmt: skip
