"""The demo: a film made of real footage and real speech whose truth is known, taken through the whole product."""
