"""How bad a mail is: text in, assessment out. Pure."""
