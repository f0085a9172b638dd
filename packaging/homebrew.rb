# Template of the formula for Homebrew. `npm run release:files` fills in the version and the digest of the archive.
class Kinsync < Formula
  desc "Live file updates for Kubernetes workloads"
  homepage "https://github.com/kinsync/kinsync"
  url "https://github.com/kinsync/kinsync/releases/download/kinsync%40{{version}}/kinsync-{{version}}.tar.gz"
  sha256 "{{sha256}}"
  license "Apache-2.0"

  depends_on "node"

  def install
    libexec.install Dir["*"]
    bin.install_symlink libexec/"kinsync"
    bin.install_symlink libexec/"kinsync" => "kubectl-kinsync"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/kinsync --version")
  end
end
