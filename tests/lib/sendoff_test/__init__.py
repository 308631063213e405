"""What the tests of the whole program share: DNS, exchangers, clients and the gateway itself, all on 127.0.0.0/8."""
