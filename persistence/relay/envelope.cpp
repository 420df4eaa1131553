#include "persistence/relay/envelope.hpp"

namespace tk {

namespace {

/// Types and topics are words of the program, which need no escape; whatever else comes is shown
/// without what would break the text.
void add_word(std::string& to, std::string_view word) {
  for (auto c : word)
    if (c != '"' && c != '\\' && static_cast<unsigned char>(c) >= ' ') to += c;
}

} // namespace

std::string envelope_of(const outbox_row& x) {
  std::string out;
  out.reserve(x.body.size() + 200);
  out += R"({"id":")" + to_string(x.id) + R"(","type":")";
  add_word(out, x.type);
  out += R"(","version":)" + std::to_string(envelope_version);
  out += R"(,"timestamp":")" + to_iso_z(x.made_at) + R"(","correlationId":)";
  out += x.correlation.nil() ? "null" : '"' + to_string(x.correlation) + '"';
  auto fields = x.body.find_first_not_of(" \t\r\n{");
  if (fields == std::string::npos || x.body[fields] == '}') return out + "}";
  out += ',';
  out.append(x.body, fields);
  return out;
}

} // namespace tk
