// A precompiled header needs one translation unit to belong to. This is it.
