"""Where recordings come from: folders, tables, archives, the hub, a synthesiser."""
