# The same as for the system tests.
source "$(dirname "${BASH_SOURCE[0]}")/../system/setup_suite.bash"
