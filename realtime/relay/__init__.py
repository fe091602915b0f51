"""Media: takes a speaker's stream over WHIP and hands it to every viewer over WHEP, undecoded."""
