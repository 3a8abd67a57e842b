# SPDX-License-Identifier: BSD-3-Clause
"""The switches that are compared, one file each."""
