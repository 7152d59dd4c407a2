// As sample.mts, by the default export.
import libvault from 'libvault';

export const open: Promise<libvault.Vault> = libvault.Vault.open('libvault.toml');
