#!/usr/bin/env python3
"""extract.py LINES SEED SAMPLE: a directory extract on standard output, the same for the same arguments.

The header is that of SAMPLE. About 5 lines for 3 persons, shuffled: the lines of a person are not neighbours. Everything is invented.
"""
import random
import sys


def header():
    with open(sys.argv[3], encoding="utf-8") as sample:
        return sample.readline()


def rpps(number):
    """11 digits of which the last is the Luhn key."""
    body = f"{2_000_000_000 + number:010d}"
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str((10 - total % 10) % 10)


def line(draw, person, place):
    number = rpps(person)
    name = f"NOM-{person * 7919 % 1000003:07d}"
    given = ["Camille", "Noé", "Élodie", "Inès", "Jean"][person % 5]
    profession = ["10", "21", "40", "50", "60", "70"][person % 6]
    finess = f"{draw.randrange(10**9):09d}"
    structure = f"ETABLISSEMENT DE SANTE NUMERO {finess} DE LA VILLE"
    cells = [
        "8", number, "8" + number, name, f"{given}''", f"{1 + person % 28:02d}/{1 + person % 12:02d}/{1950 + person % 50}",
        "75056", "99100", "PARIS", "F", f"06{person % 10**8:08d}", f"p{person}@annuaire.example", "MME", profession, "C",
        "DR", name, given, "S", "SM26", "L" if place == 0 else "S", "SA07", "", "", f"{finess}00012", finess, finess,
        finess, f"R{finess}", structure, structure, structure, "BATIMENT PRINCIPAL, DEUXIEME ETAGE", str(1 + place), "",
        "R", f"DE LA REPUBLIQUE {finess[:4]}", "", "75009 PARIS", "75009", "75109", "99000", "0199002001", "", "",
        f"contact{finess}@etablissement.example", "75", "", "CNOM/CNOM/CNOM",
    ]
    return "|".join(cells) + "|\n"


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2])
    draw = random.Random(seed)
    persons = max(1, count * 3 // 5)
    places = [(number % persons, number // persons) for number in range(count)]
    draw.shuffle(places)
    out = sys.stdout
    out.reconfigure(encoding="utf-8", newline="\n")
    out.write(header())
    for person, place in places:
        # Drawn for the place, so that the order of lines does not matter.
        out.write(line(random.Random(person * 4 + place), person, place))


main()
