#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

namespace tk::sim {

using nlohmann::json;

/// JSON in which no object has a field twice; else what is wrong with it. Of two fields the first
/// would be forgotten silently.
inline tl::expected<json, std::string> parse_strictly(const std::string& text) {
  std::vector<std::set<std::string>> open;
  std::string twice;
  auto look = [&](int, json::parse_event_t event, const json& x) {
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key && !open.back().insert(x.get<std::string>()).second)
      twice = x.get<std::string>();
    return true;
  };
  auto out = json::parse(text, look, false);
  if (out.is_discarded()) return tl::make_unexpected(std::string{"not JSON"});
  if (!twice.empty()) return tl::make_unexpected("field '" + twice + "' is there twice");
  return out;
}

/// Reads fields out of an object and remembers which it knew.
class fields {
public:
  fields(const json& from, std::string where) : from_(from), where_(std::move(where)) {
    if (!from.is_object()) problem_ = where_ + " must be an object";
  }

  template <class T> void number(const char* name, T& to, int64_t least, int64_t most) {
    known_.insert(name);
    auto i = find(name);
    if (!i) return;
    if (!i->is_number_integer() || i->get<int64_t>() < least || i->get<int64_t>() > most)
      problem_ = where_ + "." + name + " must be a whole number from " + std::to_string(least) +
                 " to " + std::to_string(most);
    else to = static_cast<T>(i->get<int64_t>());
  }
  void text(const char* name, std::string& to) {
    if (auto i = find(name); i == nullptr) return;
    else if (i->is_string()) to = i->get<std::string>();
    else problem(std::string{name} + " must be text");
  }
  void flag(const char* name, bool& to) {
    if (auto i = find(name); i == nullptr) return;
    else if (i->is_boolean()) to = i->get<bool>();
    else problem(std::string{name} + " must be true or false");
  }
  /// A list of objects: `read(fields&)` for each.
  template <class F> void objects(const char* name, size_t least, size_t most, F read) {
    auto list = find(name);
    if (list == nullptr) return;
    if (!list->is_array() || list->size() < least || list->size() > most)
      return problem(std::string{name} + " must be a list of " + std::to_string(least) + " to " +
                     std::to_string(most) + " objects");
    for (size_t i = 0; i < list->size(); ++i) {
      fields one{(*list)[i], where_ + "." + name + "[" + std::to_string(i) + "]"};
      read(one);
      take_problem(one.finish());
    }
  }
  /// An object: `read(fields&)`, when it is there.
  template <class F> void object(const char* name, F read) {
    auto from = find(name);
    if (from == nullptr) return;
    fields one{*from, where_ + "." + name};
    read(one);
    take_problem(one.finish());
  }
  /// Two whole numbers, the smaller one first.
  template <class T> void range(const char* name, T& low, T& high, int64_t least, int64_t most) {
    auto list = find(name);
    if (list == nullptr) return;
    bool good = list->is_array() && list->size() == 2 && (*list)[0].is_number_integer() &&
                (*list)[1].is_number_integer();
    int64_t a = good ? (*list)[0].get<int64_t>() : 0, b = good ? (*list)[1].get<int64_t>() : 0;
    if (!good || a > b || a < least || b > most)
      return problem(std::string{name} + " must be two whole numbers from " +
                     std::to_string(least) + " to " + std::to_string(most) +
                     ", the smaller one first");
    low = static_cast<T>(a);
    high = static_cast<T>(b);
  }
  const json* find(const char* name) {
    known_.insert(name);
    if (!problem_.empty()) return nullptr;
    auto i = from_.find(name);
    return i == from_.end() ? nullptr : &*i;
  }
  void problem(const std::string& text) {
    if (problem_.empty()) problem_ = where_ + "." + text;
  }
  /// The first thing that is wrong, or empty.
  std::string finish() {
    if (problem_.empty())
      for (auto& [name, value] : from_.items())
        if (!known_.contains(name)) return where_ + " has no field '" + name + "'";
    return problem_;
  }

private:
  void take_problem(const std::string& text) {
    if (problem_.empty()) problem_ = text;
  }

  const json& from_;
  std::string where_, problem_;
  std::set<std::string> known_;
};

} // namespace tk::sim
