"""What is seen instead: masked layers, slates and stills, encoded once per camera and layer."""
