#include "inspector/completion.hpp"

#include <sstream>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

namespace tk::inspector {

namespace {

constexpr const char* program = "tiketi-inspect";

struct word {
  std::string text, meaning;
  std::vector<std::string> values = {}; ///< Of an option, when it takes one of a few.
  bool wants_value = false;
};

/// A command by its words (" why seat"; "" is the program itself) and what may follow it.
struct place {
  std::string path;
  std::vector<word> commands, options; ///< A value that may follow is a command like any other.
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// What CLI11 makes of `IsMember` in the help, taken apart: "TEXT:{all,event}".
std::vector<std::string> values_of(const CLI::Option& x) {
  std::vector<std::string> out;
  auto type = x.get_type_name();
  auto from = type.find(":{");
  auto to = from == std::string::npos ? from : type.find('}', from);
  if (to == std::string::npos) return out;
  std::istringstream list{type.substr(from + 2, to - from - 2)};
  for (std::string one; std::getline(list, one, ',');) out.push_back(one);
  return out;
}

void collect(const CLI::App& app, const std::string& path, std::vector<place>& out) {
  place here{path, {}, {}};
  auto any = [](const CLI::App*) { return true; };
  auto below = app.get_subcommands(any);
  for (auto* x : below) here.commands.push_back({x->get_name(), first_line(x->get_description())});
  bool first = true;
  for (auto* x : app.get_options()) {
    for (auto& name : x->get_lnames())
      here.options.push_back({"--" + name, first_line(x->get_description()), values_of(*x),
                              x->get_items_expected_min() > 0});
    if (!x->get_positional() || !std::exchange(first, false)) continue;
    for (auto& value : values_of(*x))
      here.commands.push_back({value, first_line(x->get_description())});
  }
  out.push_back(here);
  if (below.empty())
    for (auto& x : here.commands) out.push_back({path + " " + x.text, {}, here.options});
  for (auto* x : below) collect(*x, path + " " + x->get_name(), out);
}

std::string replaced(std::string text, char what, const std::string& by) {
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, 1, by);
  return text;
}

std::string quoted(const std::string& text) { return "'" + replaced(text, '\'', R"('\'')") + "'"; }

std::string words_of(const place& x) {
  std::string out;
  for (auto* list : {&x.commands, &x.options})
    for (auto& y : *list) out += (out.empty() ? "" : " ") + y.text;
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (auto& x : words) out += (out.empty() ? "" : " ") + x;
  return out;
}

/// Options with few values: a line for each, made of where it stands and what it takes.
template <class Line> std::string value_lines(const std::vector<place>& places, Line line) {
  std::string out;
  for (auto& x : places)
    for (auto& y : x.options)
      if (!y.values.empty()) out += line(quoted(x.path + " " + y.text), joined(y.values));
  return out;
}

/// The part that bash and zsh share: `at` becomes the command that has been typed so far.
std::string walk(const std::vector<place>& places) {
  std::string out = "    case \"$at $word\" in\n";
  for (auto& x : places)
    if (!x.path.empty()) out += "      " + quoted(x.path) + ") at=" + quoted(x.path) + " ;;\n";
  return out + "    esac\n";
}

std::string bash_script(const std::vector<place>& places) {
  std::string out = "_tiketi_inspect() {\n  local at='' word words=''\n"
                    "  for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n";
  out += walk(places) + "  done\n  case \"$at\" in\n";
  for (auto& x : places)
    out += "    " + quoted(x.path) + ") words=" + quoted(words_of(x)) + " ;;\n";
  out += "  esac\n  case \"$at ${COMP_WORDS[COMP_CWORD-1]}\" in\n" +
         value_lines(places,
                     [](const std::string& where, const std::string& values) {
                       return "    " + where + ") words=" + quoted(values) + " ;;\n";
                     }) +
         "  esac\n  COMPREPLY=($(compgen -W \"$words\" -- \"${COMP_WORDS[COMP_CWORD]}\"))\n}\n";
  return out + "complete -o default -F _tiketi_inspect " + program + "\n";
}

std::string zsh_script(const std::vector<place>& places) {
  std::string out = std::string{"#compdef "} + program +
                    "\n_tiketi_inspect() {\n  local at='' word\n  local -a known\n"
                    "  for word in ${words[2,CURRENT-1]}; do\n";
  out += walk(places) + "  done\n  case \"$at\" in\n";
  for (auto& x : places) {
    out += "    " + quoted(x.path) + ") known=(";
    for (auto* list : {&x.commands, &x.options})
      for (auto& y : *list) out += quoted(y.text + ":" + replaced(y.meaning, ':', "\\:")) + " ";
    out += ") ;;\n";
  }
  out += "  esac\n  case \"$at ${words[CURRENT-1]}\" in\n" +
         value_lines(places,
                     [](const std::string& where, const std::string& values) {
                       return "    " + where + ") known=(" + values + ") ;;\n";
                     }) +
         "  esac\n  _describe 'word' known || _files\n}\n";
  return out + "compdef _tiketi_inspect " + program + "\n";
}

/// fish asks with a condition whether a line of it counts.
std::string fish_script(const std::vector<place>& places) {
  std::string out = "function __tiketi_inspect_at\n  set -l at ''\n"
                    "  for word in (commandline -opc)[2..-1]\n    switch \"$at $word\"\n";
  for (auto& x : places)
    if (!x.path.empty())
      out += "      case " + quoted(x.path) + "\n        set at " + quoted(x.path) + "\n";
  out += "    end\n  end\n  test \"$at\" = \"$argv[1]\"\nend\n";
  for (auto& x : places) {
    auto when = std::string{"complete -c "} + program + " -n " +
                quoted("__tiketi_inspect_at " + quoted(x.path));
    for (auto& y : x.commands) out += when + " -f -a " + y.text + " -d " + quoted(y.meaning) + "\n";
    for (auto& y : x.options)
      out += when + " -l " + y.text.substr(2) +
             (!y.values.empty() ? " -x -a " + quoted(joined(y.values))
              : y.wants_value   ? " -r"
                                : "") +
             " -d " + quoted(y.meaning) + "\n";
  }
  return out;
}

} // namespace

std::string completion_script(const CLI::App& app, const std::string& shell) {
  std::vector<place> places;
  collect(app, "", places);
  if (shell == "zsh") return zsh_script(places);
  return shell == "fish" ? fish_script(places) : bash_script(places);
}

} // namespace tk::inspector
