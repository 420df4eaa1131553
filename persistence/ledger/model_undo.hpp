#pragma once

#include <functional>
#include <vector>

#include "persistence/ledger/messages.hpp"

/// What the parts of the in-memory ledger share.
namespace tk::model {

inline verdict plain(outcome x, instant at) {
  verdict v;
  v.is = x;
  v.at = at;
  return v;
}

/// Remembers a value so that a torn batch leaves nothing behind.
template <class T> void save(std::vector<std::function<void()>>& undo, T& x) {
  undo.push_back([&x, old = x] { x = old; });
}

template <class Map, class Key>
void save_absence(std::vector<std::function<void()>>& undo, Map& map, const Key& key) {
  undo.push_back([&map, key] { map.erase(key); });
}

} // namespace tk::model
