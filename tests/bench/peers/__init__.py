"""Other mail servers, each as Debian 12 packages it, in a root of its own."""
