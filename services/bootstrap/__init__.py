"""NATS identity of a site: keys, accounts, users and the streams that services read and write."""
