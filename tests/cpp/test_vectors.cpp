/* The shared vectors through C++, as lines of vectors_to_lines.py: test_vectors CONFIG LINES. */

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "check.hpp"

namespace {

using Fields = std::vector<std::string>;

/// Hexadecimal, "." and "-" for no bytes, or "61*4096".
std::string bytes(const std::string &text) {
    if (text == "." || text == "-") {
        return {};
    }
    const auto byte = [&](std::size_t at) { return static_cast<char>(std::stoi(text.substr(at, 2), nullptr, 16)); };
    if (const auto star = text.find('*'); star != std::string::npos) {
        return std::string(std::stoul(text.substr(star + 1)), byte(0));
    }
    std::string result;
    for (std::size_t at = 0; at < text.size(); at += 2) {
        result += byte(at);
    }
    return result;
}

libvault::Context context(const Fields &fields, std::size_t first) {
    std::vector<std::pair<std::string, std::string>> items;
    for (std::size_t at = first; at + 1 < fields.size(); at += 2) {
        items.emplace_back(bytes(fields[at]), bytes(fields[at + 1]));
    }
    return libvault::Context(items);
}

/// The status of a call and what it gave.
template <class Call>
std::pair<unsigned long, std::string> outcome(Call &&call) {
    try {
        return {VAULT_OK, call()};
    } catch (const libvault::Error &error) {
        CHECK(error.what()[0] != '\0');
        return {error.code(), {}};
    }
}

void expect(const Fields &fields, const std::pair<unsigned long, std::string> &got, const std::string &payload) {
    if (got.first != std::stoul(fields[2]) || got.second != payload) {
        std::fprintf(stderr, "vector %s: expected %s, got %lu\n", fields[1].c_str(), fields[2].c_str(), got.first);
        std::exit(1);
    }
}

void open(const libvault::Vault &opened, const Fields &fields) {
    const std::string aad = bytes(fields[4]), payload = bytes(fields[5]), input = bytes(fields[6]);
    const libvault::Context expected = context(fields, 7);
    if (fields[0] == "data_key") {
        expect(fields, outcome([&] { return opened.decryptDataKey(input, expected).key.toString(); }), payload);
        return;
    }
    expect(fields, outcome([&] { return opened.decrypt(input, expected, aad).toString(); }), payload);
    const auto into = outcome([&] {
        std::string output(fields[2] == "0" ? payload.size() : input.size(), '\0');
        output.resize(opened.decryptInto(input, expected, output, aad));
        return output;
    });
    expect(fields, into, payload);
    if (fields[2] == "0") {
        CHECK(libvault::decryptedLength(input) == payload.size());
    }
}

}  // namespace

int main(int argc, char **argv) {
    CHECK(argc == 3);
    const libvault::Vault opened = libvault::Vault::open(argv[1]);
    std::ifstream lines(argv[2]);
    std::string line;
    unsigned count = 0;
    for (; std::getline(lines, line); count++) {
        Fields fields;
        std::istringstream parts(line);
        for (std::string field; std::getline(parts, field, '\t');) {
            fields.push_back(field);
        }
        if (fields[0] == "context") {
            expect(fields, outcome([&] { return context(fields, 5), std::string(); }), {});
        } else {
            open(opened, fields);
        }
    }
    CHECK(count >= 100);
    std::printf("c++ vectors: %u\n", count);
    return 0;
}
