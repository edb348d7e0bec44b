"""A credential in, a subject out: authentication of requests, CSRF, cookies, security headers and rate limits."""
