"""The bus between processes: one order of events per topic, and hints that may be lost."""
