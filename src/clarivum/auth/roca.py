"""Recognise RSA moduli made by Infineon's broken generator (CVE-2017-15361, "ROCA"): they can be factored.

Its primes have the form k*M + (65537^a mod M), M the product of the first primes. So the modulus, taken modulo each of
those primes, is always a power of 65537. A sound modulus passes all 38 tests by chance about once in 2^28.
Source: Nemec, Sys, Svenda, Klinec, Matyas, "The Return of Coppersmith's Attack", CCS 2017, section 2.2.
"""

_PRIMES = (
    *(3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73),
    *(79, 83, 89, 97, 101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167),
)


def _powers(prime: int) -> frozenset[int]:
    powers, power = set(), 1
    while power not in powers:
        powers.add(power)
        power = power * 65537 % prime
    return frozenset(powers)


_POWERS = {prime: _powers(prime) for prime in _PRIMES}


def is_roca_modulus(modulus: int) -> bool:
    """Whether an RSA modulus bears the generator's fingerprint."""
    return all(modulus % prime in powers for prime, powers in _POWERS.items())
