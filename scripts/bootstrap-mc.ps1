<#
.SYNOPSIS
Installs the released program mc on Windows, inside WSL, without a checkout.

.DESCRIPTION
mc uses system calls of Unix, so there is no native build for Windows. This script reads a release's manifest, fetches
bootstrap-mc.sh of that release, compares its SHA-256 with the manifest, and runs it in a distribution of WSL 2, where it fetches
and compares the archive. Then it writes NAME.cmd, which calls mc there.

    powershell -ExecutionPolicy Bypass -File bootstrap-mc.ps1 -From https://releases.example.org/missioncontrol

This script was never run by the project; its syntax is checked.

.PARAMETER From
Where the release is, an https:// URL; also the variable MC_RELEASE_URL.

.PARAMETER Version
Refuse any other version.

.PARAMETER Distribution
The distribution of WSL; default: the default one of wsl.exe.

.PARAMETER Dir
Folder of the command on Windows' side.

.PARAMETER Name
Name of the command.
#>
[CmdletBinding()]
param(
    [string]$From = $env:MC_RELEASE_URL,
    [string]$Version = '',
    [string]$Distribution = '',
    [string]$Dir = (Join-Path $env:LOCALAPPDATA 'Programs\MissionControl'),
    [string]$Name = 'mc'
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

function Stop-Install([string]$Cause, [string]$Fix) {
    [Console]::Error.WriteLine("error: $Cause")
    [Console]::Error.WriteLine("  fix: $Fix")
    exit 1
}

if (-not $From) { Stop-Install 'there is no place to fetch a release from' 'give -From URL, the folder of manifest.txt' }
if ($From -notmatch '^https://[^\s''"]+$') { Stop-Install "'$From' is not https://..." 'what came in clear over a network could be anybody''s' }
$From = $From.TrimEnd('/')
if ($Name -notmatch '^[A-Za-z0-9][A-Za-z0-9_-]*$') { Stop-Install "-Name takes a plain file name, not '$Name'" 'choose another one' }
if ($Version -notmatch '^[A-Za-z0-9.+-]*$') { Stop-Install "'$Version' is no version" 'for example 0.1.0' }
if ($Distribution -notmatch '^[A-Za-z0-9._-]*$') { Stop-Install "'$Distribution' is no name of a distribution" 'see: wsl --list' }
if (-not (Get-Command wsl.exe -ErrorAction SilentlyContinue)) { Stop-Install 'WSL is not installed' 'wsl --install -d Debian, then run this again' }

$wsl = @()
if ($Distribution -ne '') { $wsl = @('-d', $Distribution) }
& wsl.exe @wsl --exec true
if ($LASTEXITCODE -ne 0) { Stop-Install 'no distribution of WSL starts' 'wsl --install -d Debian, then run this again' }

$work = Join-Path ([IO.Path]::GetTempPath()) ("mc-" + [Guid]::NewGuid().ToString('n'))
New-Item -ItemType Directory -Path $work | Out-Null
try {
    [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
    $manifest = Join-Path $work 'manifest.txt'
    $script = Join-Path $work 'bootstrap-mc.sh'
    Invoke-WebRequest -UseBasicParsing -Uri "$From/manifest.txt" -OutFile $manifest
    $lines = @(Get-Content -Path $manifest)
    if ($lines[0] -ne 'missioncontrol-release 1') { Stop-Install "$From/manifest.txt is no manifest of a release" 'check -From' }
    $wanted = ''
    foreach ($line in $lines) {
        if ($line -match '^file bootstrap-mc\.sh ([0-9a-f]{64}) [0-9]+$') { $wanted = $Matches[1] }
    }
    if ($wanted -eq '') { Stop-Install 'the manifest does not name bootstrap-mc.sh' 'check -From' }
    Invoke-WebRequest -UseBasicParsing -Uri "$From/bootstrap-mc.sh" -OutFile $script
    $have = (Get-FileHash -Algorithm SHA256 -Path $script).Hash.ToLowerInvariant()
    if ($have -ne $wanted) { Stop-Install "bootstrap-mc.sh has the SHA-256 $have instead of $wanted" 'nothing was installed; ask those who publish it' }
    $inside = (& wsl.exe @wsl --exec wslpath -a "$script")
    if ($LASTEXITCODE -ne 0) { Stop-Install "WSL does not see $script" 'let TEMP be on a local drive' }
    $arguments = @('--from', $From)
    if ($Version -ne '') { $arguments += @('--version', $Version) }
    & wsl.exe @wsl --exec sh -c 'file=$1; shift; exec sh "$file" --dir "$HOME/.local/share/missioncontrol-bin" "$@"' sh "$inside" @arguments
    if ($LASTEXITCODE -ne 0) { Stop-Install 'bootstrap-mc.sh failed in WSL' 'read the messages above' }
} finally {
    Remove-Item -Recurse -Force -Path $work
}

New-Item -ItemType Directory -Force -Path $Dir | Out-Null
$command = Join-Path $Dir "$Name.cmd"
$prefix = 'wsl.exe'
if ($Distribution -ne '') { $prefix = "wsl.exe -d $Distribution" }
$line = '@' + $prefix + ' --exec sh -c "exec \"$HOME/.local/share/missioncontrol-bin/mc\" \"$@\"" sh %*'
Set-Content -Path "$command.new" -Value $line -Encoding ASCII
Move-Item -Force -Path "$command.new" -Destination $command
Write-Output "installed $command"
if (($env:Path -split ';') -notcontains $Dir) {
    Write-Output "  $Dir is not on PATH; add it in the settings of your account, or: `$env:Path = '$Dir;' + `$env:Path"
}
