"""The composition root: joins the rooms to one application and runs it. Nothing imports this room."""
