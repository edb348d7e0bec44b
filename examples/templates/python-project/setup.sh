#!/bin/sh
# Clones the project and makes its virtual environment. What is done already stays as it is: your work is never touched.
set -eu
project=$HOME/project
venv=$HOME/venv
done=$venv/.homeport-complete
export GIT_TERMINAL_PROMPT=0
# The agent runs in a virtual environment of its own, which must not be mistaken for this one.
unset VIRTUAL_ENV PYTHONPATH PYTHONHOME

# pip takes an empty address for an address.
[ -n "${PIP_INDEX_URL:-}" ] || unset PIP_INDEX_URL
[ -n "${PIP_FIND_LINKS:-}" ] || unset PIP_FIND_LINKS

if [ ! -e "$HOME/.profile" ] && [ ! -e "$HOME/.bashrc" ] && [ -d /etc/skel ]; then
  cp -R /etc/skel/. "$HOME/"
fi
if ! grep -qs '# project environment' "$HOME/.profile"; then
  # Login shells set their path anew.
  echo '[ ! -f "$HOME/venv/bin/activate" ] || . "$HOME/venv/bin/activate" # project environment' >> "$HOME/.profile"
fi

if [ -d "$project/.git" ]; then
  echo "The project is here already."
else
  echo "Cloning $HOMEPORT_PARAMETER_REPOSITORY ..."
  rm -rf "$project.new"
  if [ -n "$HOMEPORT_PARAMETER_BRANCH" ]; then
    git clone --branch "$HOMEPORT_PARAMETER_BRANCH" -- "$HOMEPORT_PARAMETER_REPOSITORY" "$project.new"
  else
    git clone -- "$HOMEPORT_PARAMETER_REPOSITORY" "$project.new"
  fi
  # The terminal may have opened the empty folder before.
  rmdir "$project" 2>/dev/null || true
  mv "$project.new" "$project"
fi

if [ -f "$done" ]; then
  echo "The virtual environment is here already."
  exit 0
fi
echo "Making the virtual environment ..."
rm -rf "$venv"
"${HOMEPORT_PYTHON:-python3}" -m venv "$venv"
cd "$project"

# Names the extras and dependency groups that hold what the tests need.
wanted() {
  "$venv/bin/python" - "$1" <<'PYTHON'
import sys

try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib
try:
    with open("pyproject.toml", "rb") as file:
        content = tomllib.load(file)
except (OSError, ValueError):
    content = {}
table = content.get("project", {}).get("optional-dependencies", {}) if sys.argv[1] == "extras" else content.get("dependency-groups", {})
names = ("test", "tests", "testing", "dev")
print(next((name for name in names if name in table), ""))
PYTHON
}
extra=$(wanted extras)
group=$(wanted groups)

if [ -f pyproject.toml ] || [ -f setup.py ]; then
  echo "Installing the project${extra:+ with its extra '$extra'} ..."
  "$venv/bin/python" -m pip install --quiet --editable ".${extra:+[$extra]}"
fi
for file in requirements.txt requirements-dev.txt requirements-test.txt requirements/test.txt requirements/dev.txt; do
  if [ -f "$file" ] && [ -z "$extra" ]; then
    echo "Installing $file ..."
    "$venv/bin/python" -m pip install --quiet -r "$file"
  fi
done
if [ -n "$group" ] && [ -z "$extra" ] && "$venv/bin/python" -m pip install --help | grep -q -e '--group'; then
  echo "Installing the dependency group '$group' ..."
  "$venv/bin/python" -m pip install --quiet --group "$group"
fi
if [ -z "$extra" ] && { [ -d tests ] || [ -d test ]; } && ! "$venv/bin/python" -c 'import pytest' 2>/dev/null; then
  echo "Installing pytest for the project's tests ..."
  "$venv/bin/python" -m pip install --quiet pytest
fi
touch "$done"
echo "Ready: the project is in $project."
