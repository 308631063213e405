"""Self-signed certificates for the exchangers and for the reload test."""

import subprocess


def make_certificate(folder, name, stem="exchanger"):
    """Paths of a new ECDSA certificate and its key."""
    certificate, key = f"{folder}/{stem}.pem", f"{folder}/{stem}.key"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
        ]
        + ["-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-out", certificate, "-keyout", key],
        check=True,
        capture_output=True,
    )
    return certificate, key
