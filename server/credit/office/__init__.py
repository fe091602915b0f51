"""The office of officers: presence, adjustments, outages, attendance of other tools."""
