"""What the pages of these tests show: a template with every kind of parameter, and a README that tries to break out."""

TEMPLATE = """\
name: shell
parameters:
  - name: greeting
    display_name: Greeting
    description: Words that the **start script** writes.
    default: hello
  - name: size
    type: number
    description: How many lines.
    default: 3
    validation: {min: 1, max: 9}
  - name: editor
    display_name: Editor
    description: Cannot be changed later.
    mutable: false
    default: vim
    options:
      - {name: Vim, value: vim, description: The classic}
      - {name: Emacs, value: emacs}
      - {name: Nano, value: nano}
  - name: verbose
    display_name: Say more
    type: bool
    default: false
  - name: packages
    display_name: Packages
    type: list(string)
    description: Names of packages.
    default: [git, make]
  - name: once
    display_name: Once
    description: For the next start.
    ephemeral: true
    default: ""
agents:
  - name: main
    scripts:
      - display_name: Greet
        script: |
          for number in $(seq 5); do echo "greeting $number: $HOMEPORT_PARAMETER_GREETING"; done
        run_on_start: true
        start_blocks_login: true
    metadata:
      - key: load
        display_name: Load
        script: cut -d' ' -f1 /proc/loadavg
        interval: 5
        timeout: 2
"""
README = """\
# Shell

An **empty** shell. <script>window.isBroken = true</script>

| Program | Version |
|---------|---------|
| bash    | 5       |

[Not a link](javascript:alert(1)) and [a link](https://example.test/).
"""
