"""The processes of the mesh; each folder is one service, `runtime` is what they share."""
