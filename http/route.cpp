#include "http/route.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace tk::http {

namespace {

constexpr uint32_t bit(method x) { return 1u << static_cast<unsigned>(x); }

constexpr size_t segments_max = 16;

/// Splits a path that starts with a slash; returns the count, or more than `segments_max`.
size_t split(std::string_view path, std::array<std::string_view, segments_max>& out) {
  size_t n = 0;
  path.remove_prefix(1);
  for (;;) {
    auto end = std::min(path.find('/'), path.size());
    if (n == segments_max) return segments_max + 1;
    out[n++] = path.substr(0, end);
    if (end == path.size()) return n;
    path.remove_prefix(end + 1);
  }
}

} // namespace

route_table::parsed route_table::parse(const route& x) {
  auto bad = [&](const char* why) { return std::invalid_argument("route " + x.path + ": " + why); };
  if (x.path.empty() || x.path.front() != '/') throw bad("the path must start with a slash");
  if (!x.run) throw bad("it has no handler");
  if (x.verb == method::other || x.verb == method::head || x.verb == method::options)
    throw bad("its method is answered by the server");
  std::array<std::string_view, segments_max> parts;
  auto n = split(x.path, parts);
  if (n > segments_max) throw bad("it has too many segments");
  parsed out;
  for (size_t i = 0; i < n; ++i) {
    auto part = parts[i];
    out.label += '/';
    if (part.empty() || part.front() != '{') {
      out.segments.push_back({std::string(part), false, false});
      out.label += part;
      continue;
    }
    if (part.back() != '}' || part.size() < 3 || out.names.size() == path_params_max)
      throw bad("a parameter is malformed, or there are too many");
    auto inner = part.substr(1, part.size() - 2);
    auto colon = inner.find(':');
    auto type = colon == std::string_view::npos ? "uuid" : inner.substr(colon + 1);
    if (type != "uuid" && type != "str") throw bad("a parameter is uuid or str");
    out.names.emplace_back(inner.substr(0, colon));
    out.segments.push_back({"", true, type == "uuid"});
    out.label.append("{").append(out.names.back()).append("}");
  }
  return out;
}

bool route_table::same(const std::vector<segment>& a, const std::vector<segment>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](auto& x, auto& y) { return x.param == y.param && x.literal == y.literal; });
}

route_table::route_table(std::vector<route> routes) : routes_(std::move(routes)) {
  for (size_t i = 0; i < routes_.size(); ++i) add(static_cast<int32_t>(i));
  index_shapes();
}

void route_table::add(int32_t index) {
  auto& x = routes_[static_cast<size_t>(index)];
  auto p = parse(x);
  auto s = std::find_if(shapes_.begin(), shapes_.end(),
                        [&](auto& y) { return same(y.segments, p.segments); });
  if (s == shapes_.end()) {
    s = shapes_.emplace(shapes_.end());
    s->segments = p.segments;
    s->by_method.fill(-1);
  }
  auto& slot = s->by_method[static_cast<size_t>(x.verb)];
  if (slot >= 0) throw std::invalid_argument("route " + x.path + ": there are two of this method");
  slot = index;
  s->allowed |= bit(x.verb) | bit(method::options);
  if (x.verb == method::get) {
    s->allowed |= bit(method::head);
    s->by_method[static_cast<size_t>(method::head)] = index;
  }
  s->login_needed = s->login_needed && x.level != access::public_;
  names_.push_back(std::move(p.names));
  labels_.push_back(std::move(p.label));
}

void route_table::index_shapes() {
  literal_keys_.reserve(shapes_.size());
  by_length_.resize(segments_max + 1);
  for (size_t i = 0; i < shapes_.size(); ++i) {
    auto& segments = shapes_[i].segments;
    auto is_param = [](const segment& x) { return x.param; };
    if (std::any_of(segments.begin(), segments.end(), is_param)) {
      by_length_[segments.size()].push_back(i);
      continue;
    }
    std::string key;
    for (auto& x : segments) key.append("/").append(x.literal);
    literal_.emplace(literal_keys_.emplace_back(std::move(key)), i);
  }
  // A literal segment wins over a parameter, from the left: /my before /{id}.
  auto earlier = [&](size_t a, size_t b) {
    auto& x = shapes_[a].segments;
    auto& y = shapes_[b].segments;
    for (size_t i = 0; i < x.size(); ++i)
      if (x[i].param != y[i].param) return y[i].param;
    return false;
  };
  for (auto& list : by_length_) std::stable_sort(list.begin(), list.end(), earlier);
}

void route_table::fill(route_match& m, const shape& s, method verb) const {
  m.allowed |= s.allowed;
  m.login_needed = m.login_needed && s.login_needed;
  auto i = s.by_method[static_cast<size_t>(verb)];
  if (i >= 0) m.hit = &routes_[static_cast<size_t>(i)];
}

route_match route_table::match(method verb, std::string_view path) const {
  route_match m;
  if (path.empty() || path.front() != '/') return m;
  if (auto i = literal_.find(path); i != literal_.end()) {
    fill(m, shapes_[i->second], verb);
    return m;
  }
  std::array<std::string_view, segments_max> parts;
  auto n = split(path, parts);
  if (n > segments_max) return m;
  for (auto i : by_length_[n]) {
    auto& s = shapes_[i];
    size_t params = 0;
    bool fits = true, malformed = false;
    std::array<std::string, path_params_max> values;
    for (size_t k = 0; fits && k < n; ++k) {
      auto& want = s.segments[k];
      if (!want.param) {
        fits = want.literal == parts[k];
        continue;
      }
      fits = !parts[k].empty();
      auto& value = values[params++];
      value = percent_decode(parts[k], false).value_or(""); // The head was refused if it cannot be.
      malformed = malformed || (want.uuid && !detail::uuid_parse(value));
    }
    if (!fits) continue;
    fill(m, s, verb);
    if (m.hit == nullptr) continue;
    m.params = std::move(values);
    m.malformed_param = malformed;
    return m;
  }
  return m;
}

const std::vector<std::string>& route_table::param_names(const route& x) const {
  return names_[index(x)];
}

const std::string& route_table::label(const route& x) const { return labels_[index(x)]; }

std::string allow_header(uint32_t allowed) {
  std::string out;
  for (auto x : {method::get, method::head, method::post, method::put, method::patch,
                 method::delete_, method::options}) {
    if ((allowed & bit(x)) == 0) continue;
    if (!out.empty()) out += ", ";
    out += to_string(x);
  }
  return out;
}

} // namespace tk::http
