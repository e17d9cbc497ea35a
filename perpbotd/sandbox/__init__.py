"""The local world beside the real daemon: a chain, an Aster and a Telegram data centre, on loopback only."""
