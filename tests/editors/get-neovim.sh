#!/bin/sh
# Unpacks Neovim 0.12 from Debian testing into a folder, for the tests in this one; nothing is installed on the machine.
# Usage: get-neovim.sh [FOLDER]   afterwards FOLDER/bin/nvim runs; build/neovim-0.12, where the tests look for it, without
# an argument. Needs Debian, 60 MB and ten seconds.
# Only --headless works: the terminal interface starts itself by a name that is the loader's here.
set -eu

folder=${1:-$(dirname "$0")/../../build/neovim-0.12}
[ -x "$folder/bin/nvim" ] && exit 0
command -v apt-get >/dev/null || { echo "get-neovim.sh needs apt-get, that is, Debian." >&2; exit 1; }
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
apt=$folder/apt
rm -rf "$apt" "$folder/root"
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/etc/preferences.d" "$folder/root" "$folder/bin"
: >"$apt/status"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
# The mirror that this machine uses already.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 2>/dev/null | grep -m1 '/debian/*$') ||
    { echo "get-neovim.sh finds no Debian mirror in this machine's apt sources." >&2; exit 1; }
echo "deb [signed-by=$keyring] $mirror forky main" >"$apt/sources.list"

# The empty status makes apt fetch the C library as well, so that Debian testing's Neovim runs on an older system.
private_apt() {
    apt-get -qq -o "Dir::Etc=$apt/etc" -o "Dir::Etc::SourceList=$apt/sources.list" -o "Dir::Etc::SourceParts=-" \
        -o "Dir::State=$apt" -o "Dir::State::Lists=$apt/lists" -o "Dir::State::Status=$apt/status" \
        -o "Dir::Cache=$apt" -o "Dir::Cache::Archives=$apt/archives" -o "APT::Sandbox::User=" \
        -o "Acquire::Languages=none" -o "APT::Install-Recommends=false" "$@"
}
private_apt update
private_apt -y --download-only -o Debug::NoLocking=true install neovim
for package in "$apt"/archives/*.deb; do
    dpkg-deb -x "$package" "$folder/root"
done
rm -rf "$apt"

loader=$(find "$folder/root" -name 'ld-linux-*.so.*' | head -1)
cat >"$folder/bin/nvim" <<END
#!/bin/sh
root=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")/root
export VIMRUNTIME="\$root/usr/share/nvim/runtime"
exec "\$root${loader#"$folder/root"}" --library-path "\$(ls -d "\$root"/usr/lib/*-linux-gnu):\$root/usr/lib" \\
    "\$root/usr/bin/nvim" --cmd "set runtimepath+=\$root/usr/lib/nvim" "\$@"
END
chmod +x "$folder/bin/nvim"
"$folder/bin/nvim" --version | head -1
