"""The demo conference: invented people and talks in the fields of a food-science and engineering university."""
