print("swing")
