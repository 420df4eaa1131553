#include "tests/simulation/recorder.hpp"

#include <algorithm>
#include <fstream>
#include <map>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace tk::sim {

namespace {

constexpr size_t column = 10;
constexpr const char* people = "people";

std::string padded(std::string x, size_t width) {
  x.resize(std::max(x.size(), width), ' ');
  return x;
}

/// What Mermaid and HTML would take for their own.
std::string harmless(const std::string& x) {
  std::string out;
  for (auto c : x) {
    if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '&') out += "&amp;";
    else if (c == ';' || c == '#') out += ',';
    else out += c;
  }
  return out;
}

/// The place of a name among the columns.
size_t place(const std::vector<std::string>& lanes, const std::string& name) {
  return static_cast<size_t>(std::ranges::find(lanes, name) - lanes.begin());
}

/// One line of the diagram: the lanes, and an arrow from one to the other.
std::string drawn(const std::vector<std::string>& lanes, const recorder::line& x) {
  std::string out(lanes.size() * column, ' ');
  for (size_t i = 0; i < lanes.size(); ++i) out[i * column] = '|';
  auto from = place(lanes, x.from), to = place(lanes, x.to);
  if (from < lanes.size() && to < lanes.size() && from != to) {
    auto left = std::min(from, to) * column, right = std::max(from, to) * column;
    for (auto i = left + 1; i < right; ++i) out[i] = '-';
    if (to > from) out[right - 1] = '>';
    else out[left + 1] = '<';
  } else if (from < lanes.size()) {
    out[from * column] = '*';
  }
  return out;
}

std::string stamp(int64_t ms) {
  auto out = std::to_string(ms);
  return std::string(out.size() < 8 ? 8 - out.size() : 0, ' ') + out + "  ";
}

} // namespace

void recorder::note(int64_t ms, std::string from, std::string to, std::string what) {
  lines_.push_back({ms, std::move(from), std::move(to), std::move(what)});
  if (spool_ == nullptr) return;
  auto& x = lines_.back();
  auto text = nlohmann::json{x.ms, x.from, x.to, x.what}.dump() + "\n";
  std::fwrite(text.data(), 1, text.size(), spool_);
  std::fflush(spool_);
}

recorder recorder::from_spool(std::FILE* from) {
  recorder out;
  std::rewind(from);
  std::string text;
  for (int c = 0; (c = std::fgetc(from)) != EOF;) {
    if (c != '\n') {
      text.push_back(static_cast<char>(c));
      continue;
    }
    auto x = nlohmann::json::parse(text);
    out.note(x[0], x[1], x[2], x[3]);
    text.clear();
  }
  return out;
}

/// People first, then nodes in order, then what all of them use.
std::vector<std::string> recorder::lanes() const {
  std::vector<std::string> out;
  auto add = [&out](const std::string& x) {
    if (!x.empty() && std::ranges::find(out, x) == out.end()) out.push_back(x);
  };
  for (auto& x : lines_) {
    add(x.from);
    add(x.to);
  }
  auto rank = [](const std::string& x) {
    return std::pair{x == people ? 0 : x.starts_with("node") ? 1 : 2, x};
  };
  std::ranges::sort(out, {}, rank);
  return out;
}

std::vector<std::string> recorder::diagram(size_t most) const {
  std::vector<std::string> out;
  auto names = lanes();
  auto head = std::string(10, ' ');
  for (auto& x : names) head += padded(x, column);
  out.push_back(head);
  for (auto i = lines_.size() > most ? lines_.size() - most : 0; i < lines_.size(); ++i)
    out.push_back(stamp(lines_[i].ms) + drawn(names, lines_[i]) + " " + lines_[i].what);
  return out;
}

std::vector<std::string> recorder::script() const {
  std::map<std::string, std::vector<std::string>> by_person;
  for (auto& x : lines_) {
    if (x.from != people && x.to != people) continue;
    auto end = x.what.find(':'); // "user 7: reserve seat 3 of block 1"
    by_person[x.what.substr(0, end)].push_back(
      stamp(x.ms) + (x.from == people ? "at " + x.to : "from " + x.from) +
      (end == std::string::npos ? "" : x.what.substr(end)));
  }
  std::vector<std::string> out;
  for (auto& [who, lines] : by_person) {
    out.push_back(who);
    out.insert(out.end(), lines.begin(), lines.end());
  }
  return out;
}

void recorder::write(const std::string& file, const std::string& title) const {
  std::ofstream out(file);
  if (file.ends_with(".html")) {
    out << "<!doctype html><meta charset=\"utf-8\"><title>" << harmless(title) << "</title><h1>"
        << harmless(title) << "</h1><pre>\n";
    for (auto& x : diagram(lines_.size())) out << harmless(x) << "\n";
    out << "</pre>\n";
  } else {
    out << "# " << title << "\n\n```mermaid\nsequenceDiagram\n";
    auto names = lanes();
    for (size_t i = 0; i < names.size(); ++i)
      out << "  participant p" << i << " as " << names[i] << "\n";
    for (auto& x : lines_) {
      auto from = place(names, x.from), to = place(names, x.to);
      if (names.empty()) break;
      if (from < names.size() && to < names.size()) out << "  p" << from << "->>p" << to << ": ";
      else if (from < names.size()) out << "  Note over p" << from << ": ";
      else out << "  Note over p0,p" << names.size() - 1 << ": ";
      out << x.ms << " ms " << harmless(x.what) << "\n";
    }
    out << "```\n";
  }
  if (!out) throw std::runtime_error("cannot write " + file);
}

} // namespace tk::sim
