# SPDX-License-Identifier: GPL-2.0-only
"""SSH by Fabric and paramiko: one connection a node, every phase of it bounded."""
