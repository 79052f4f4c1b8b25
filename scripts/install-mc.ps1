<#
.SYNOPSIS
Installs the command line program mc on Windows: builds it inside WSL and puts a small command of the same name on Windows' side.

.DESCRIPTION
mc uses system calls of Unix, so there is no native build for Windows. This script runs scripts/install-mc.sh of this checkout in
a distribution of WSL 2 and writes NAME.cmd, which calls it there. Paths that are given to mc are paths inside of WSL.

    powershell -ExecutionPolicy Bypass -File scripts\install-mc.ps1
    powershell -ExecutionPolicy Bypass -File scripts\install-mc.ps1 -Distribution Debian -Name mctl

This script was never run by the project; its syntax is checked.

.PARAMETER Distribution
The distribution of WSL; default: the default one of wsl.exe.

.PARAMETER Dir
Folder of the command on Windows' side.

.PARAMETER Name
Name of the command. Midnight Commander and the MinIO client are called mc, too.
#>
[CmdletBinding()]
param(
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

if ($Name -notmatch '^[A-Za-z0-9][A-Za-z0-9_-]*$') { Stop-Install "-Name takes a plain file name, not '$Name'" 'choose another one' }
if ($Distribution -notmatch '^[A-Za-z0-9._-]*$') { Stop-Install "'$Distribution' is no name of a distribution" 'see: wsl --list' }
if (-not (Get-Command wsl.exe -ErrorAction SilentlyContinue)) { Stop-Install 'WSL is not installed' 'wsl --install -d Debian, then run this again' }

$wsl = @()
if ($Distribution -ne '') { $wsl = @('-d', $Distribution) }
& wsl.exe @wsl --exec true
if ($LASTEXITCODE -ne 0) { Stop-Install 'no distribution of WSL starts' 'wsl --install -d Debian, then run this again' }

$script = (Join-Path $PSScriptRoot 'install-mc.sh')
$inside = (& wsl.exe @wsl --exec wslpath -a "$script")
if ($LASTEXITCODE -ne 0) { Stop-Install "WSL does not see $script" 'put the checkout on a local drive' }
# A folder of its own in there: nothing that is called mc stands in its way.
& wsl.exe @wsl --exec sh -c 'exec bash "$1" --dir "$HOME/.local/share/missioncontrol-bin"' sh "$inside"
if ($LASTEXITCODE -ne 0) { Stop-Install 'install-mc.sh failed in WSL' 'read the messages above' }

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
