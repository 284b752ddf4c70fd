"""The contract: everything that crosses a process boundary of Upper Street, with no I/O."""
