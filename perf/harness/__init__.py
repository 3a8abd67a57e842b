# SPDX-License-Identifier: BSD-3-Clause
"""What `./dev perf` is made of; perf/README.md has the overview."""
