# Short names of the everyday commands, for those who have just (https://just.systems). Each is a script, so that nobody needs it.

# lists them
default:
    @just --list

# formatting, and the tests on SQLite and PostgreSQL
check:
    scripts/test.sh --quick

# everything that CI runs
test *arguments:
    scripts/test.sh {{ arguments }}

# tests of the scripts themselves, a minute
scripts *name:
    scripts/tests/run.sh {{ name }}

# builds, starts an installation on this machine, plays the demo
up *arguments:
    scripts/dev-up.sh {{ arguments }}

# ends it
down:
    scripts/dev-down.sh

# plays the demo on what runs
demo:
    scripts/demo.sh

# every main path of an installation, once
smoke *arguments:
    scripts/smoke.sh {{ arguments }}

# puts mc, as it was built last, on PATH
install *arguments:
    scripts/install-mc.sh --from-target {{ arguments }}

# builds the web UI
ui:
    scripts/build-ui.sh

# figures of docs/benchmarks.md
bench *arguments:
    scripts/bench.sh {{ arguments }}

# the README's terminal recording
record:
    scripts/record-demo.sh

# the commands of the founding document
seed:
    scripts/seed-check.sh
