#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "tests/simulation/commands.hpp"
#include "tests/simulation/rehearsal.hpp"

namespace tk::sim {

namespace {

struct options {
  std::string file, json, svg;
  uint64_t seed = 0;
};

std::string read_file(const std::string& name) {
  std::ifstream in(name);
  std::stringstream out;
  if (!in || !(out << in.rdbuf())) throw std::runtime_error("cannot read " + name);
  return out.str();
}

void write_file(const std::string& name, const std::string& text) {
  if (name == "-") {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return;
  }
  std::ofstream out(name);
  if (!(out << text) || !out.flush()) throw std::runtime_error("cannot write " + name);
}

int rehearse_file(const options& how) {
  auto known = std::filesystem::path{TIKETI_EVENINGS_DIR} / (how.file + ".json");
  auto file = std::filesystem::exists(known) ? known.string() : how.file;
  auto what = parse_evening(read_file(file));
  if (!what) throw std::runtime_error(file + ": " + what.error());
  if (how.seed != 0) what->seed = how.seed;
  auto x = rehearse(*what);
  bool quiet = how.json == "-" || how.svg == "-";
  if (!quiet) write_file("-", to_text(x));
  if (!how.json.empty()) write_file(how.json, to_json(x).dump(2) + "\n");
  if (!how.svg.empty()) write_file(how.svg, to_svg(x));
  if (quiet && !x.wrong.empty()) std::fprintf(stderr, "WRONG: %s\n", x.wrong.c_str());
  return x.wrong.empty() ? 0 : 1;
}

} // namespace

command add_rehearse(CLI::App& app) {
  auto how = std::make_shared<options>();
  auto* out = app.add_subcommand("rehearse", "plays a promoter's evening and says what it is like");
  out->add_option("file", how->file, "an evening by name (see evenings/), or a file")->required();
  out->add_option("--json", how->json, "writes all figures there; - is the standard output");
  out->add_option("--svg", how->svg, "writes a picture of the sale over time there");
  out->add_option("--seed", how->seed, "another seed than the file's");
  return {out, [how] { return rehearse_file(*how); }};
}

} // namespace tk::sim
