"""What happens to projects while they run: terms that change, milestones, margins, their end."""
