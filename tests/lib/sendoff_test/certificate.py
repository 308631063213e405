"""Certificates: self-signed ones for the exchangers and for the reload test, and those of an authority."""

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


class Authority:
    """Signs certificates; `roots` is the file to trust."""

    def __init__(self, folder):
        self._folder, self._count = folder, 0
        self.roots, self._key = f"{folder}/roots.pem", f"{folder}/roots.key"
        _openssl(
            *("req", "-x509", *NEW_KEY, "-days", "30", "-subj", "/CN=roots of the tests", "-out", self.roots, "-keyout", self._key),
            *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"),
        )

    def certificate(self, name, days=30):
        """Paths of a certificate for that name and of its key. `days`: from now, that it is valid; below 0: it has expired."""
        self._count += 1
        stem = f"{self._folder}/signed-{self._count}"
        with open(f"{stem}.ext", "w") as extensions:
            extensions.write(f"subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
        _openssl("req", "-new", *NEW_KEY, "-subj", f"/CN={name[:60]}", "-out", f"{stem}.csr", "-keyout", f"{stem}.key")
        _openssl(
            *("x509", "-req", "-in", f"{stem}.csr", "-CA", self.roots, "-CAkey", self._key, "-CAcreateserial"),
            *("-days", str(days)),
            *("-extfile", f"{stem}.ext", "-out", f"{stem}.pem"),
        )
        return f"{stem}.pem", f"{stem}.key"

    def chain(self, name):
        """The same, with the authority's own certificate behind it."""
        certificate, key = self.certificate(name)
        with open(self.roots) as roots, open(certificate, "a") as file:
            file.write(roots.read())
        return certificate, key


NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


def _openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)
