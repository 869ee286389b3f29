# SPDX-License-Identifier: GPL-2.0-only
"""What is done with one node, command by command.

A job asks, decides by the plan, asks again. It runs in a thread of its own for each
node and shares values only.
"""
