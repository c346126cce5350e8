"""What is written of agreements for those outside: ODRL, the record of processing, the draft of an impact assessment, the register."""
