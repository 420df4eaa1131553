#include "persistence/pii/names.hpp"

namespace tk {

std::string fold_name(std::string_view name) {
  std::string out;
  for (char c : name) {
    bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (blank && (out.empty() || out.back() == ' ')) continue;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    out.push_back(blank ? ' ' : c);
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string name_lookup(const pii_vault& vault, std::string_view name) {
  return vault.lookup("name:" + fold_name(name)); // No mail has such a form.
}

} // namespace tk
