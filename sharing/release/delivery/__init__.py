"""How a sealed release reaches its recipient: a folder, SFTP, an object store; or it stays, and the recipient comes and reads."""
