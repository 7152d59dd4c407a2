/* Puts a changed configuration in force without opening the vault again, as after SIGHUP: reload CONFIG */
#include "example.h"

int main(int argc, char **argv) {
    vault *opened = open_vault(argc, argv);
    const char *config = argc > 1 ? argv[1] : "libvault.toml";
    vault_error *error = NULL;

    /* Key files and credentials are read again too. After this returns, nothing is decided under the old one. */
    DO(vault_reload(opened, config, strlen(config), &error));

    if (vault_reload_toml(opened, "no = \"such field\"", 17, NULL, 0, &error) != VAULT_OK) {
        printf("%s: the old configuration stays in force\n", vault_error_message(error));
        vault_error_free(error);
    }
    vault_free(opened);
    return 0;
}
