"""The CA file of ``--ca-file``, checked before anything else is done."""

from __future__ import annotations

import ssl
from pathlib import Path

from importer.errors import ConfigError


def check_ca_file(path: Path) -> None:
    """Refuse a file that no connection could be made with.

    Raises:
        ConfigError: it cannot be read, or contains no certificate in PEM form.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:  # an OSError too, so it comes first
        hint = "--ca-file needs PEM text with lines such as -----BEGIN CERTIFICATE-----"
        raise ConfigError("the CA file contains no PEM certificate", where=str(path), hint=hint) from None
    except OSError as error:
        hint = "check the path and permissions of --ca-file"
        raise ConfigError(f"cannot read the CA file: {error.strerror}", where=str(path), hint=hint) from None
