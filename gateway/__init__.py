"""The courtesy gateway: protects support staff from abuse and is fair to the customer."""

__version__ = "0.1.0"
