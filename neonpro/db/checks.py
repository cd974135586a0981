def check_models(**k): return []
def check_live_catalogue(**k): return []
