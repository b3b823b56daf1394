"""Drawing a flow: what is drawn (:mod:`.model`), where it stands (:mod:`.layout`), and the forms it is written in."""
