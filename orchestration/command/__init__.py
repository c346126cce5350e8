"""The `interagency` command: one file per command. Heavy libraries are imported where they are used, so that help is instant."""
